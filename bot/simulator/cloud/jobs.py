"""Jobs, /v1/{project_id}/jobs/{job_id} and the same under /v2.

Source: EVS API reference, evs_04_0054; terraform-provider-huaweicloud polls v2 for snapshots.
"""

from datetime import datetime

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route


def show_job(call: Call) -> Answer:
    """A job that is unknown here, or in this project, is answered with 400 Common.0011."""
    version = call.target[1:3]
    switches = call.world.switches
    if not (switches.jobs_on_v1 if version == "v1" else switches.jobs_on_v2):
        raise errors.no_such_api()
    job = call.world.jobs.get(call.params["job_id"])
    if call.take("job") is not None or job is None or job.lost or job.project_id != call.params["project_id"]:
        raise errors.job_unknown()
    status = job.status_at(call.now, waits=switches.jobs_wait_to_execute)
    ended = status in ("SUCCESS", "FAIL")
    return Answer(
        200,
        {
            "status": status,
            "entities": {} if job.job_type == "createVolume" and status == "INIT" else job.entities,
            "job_id": job.id,
            "job_type": job.job_type,
            "begin_time": _job_time(job.begun_at),
            "end_time": _job_time(job.ends_at) if ended and job.ends_at is not None else "",
            "error_code": job.error_code if status == "FAIL" else None,
            "fail_reason": job.fail_reason if status == "FAIL" else None,
        },
    )


def _job_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


ROUTES = tuple(
    Route("GET", f"/{version}/{{project_id}}/jobs/{{job_id}}", "show_job", show_job) for version in ("v1", "v2")
)
