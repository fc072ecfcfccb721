"""The files of an evidence pack: what stands in each, and which criteria and controls ask for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """`columns` empty: no table. `soc2` are Trust Services Criteria (2017), `iso` controls of ISO/IEC 27001:2022,
    Annex A.
    """

    file: str
    title: str
    shows: str
    soc2: tuple[str, ...]
    iso: tuple[str, ...]
    columns: tuple[str, ...] = ()
    none: str = "Nothing of this kind in the period."


_GRANT = ("subject", "role", "project", "source", "expires_at")
_ROW = ("row", "at", "actor", "action", "subject", "outcome", "rule")
_ABOUT = ("project", "request", "requester", "reason")
_CAME_BACK = ("way", *_ABOUT, "confirmed_by", "confirmed_at", "agreed_by", "disk_id", "snapshot")

GRANTS_BEFORE = Section(
    "grants-at-start.csv",
    "Rights when the period began",
    "Each grant in force at the first moment: whom it names, which role, where, where it is kept, who gave it when.",
    ("CC6.1", "CC6.3"),
    ("A.5.15", "A.5.18", "A.8.2"),
    (*_GRANT, "given_by", "given_at", "row"),
)
GRANTS_AFTER = Section(
    "grants-at-end.csv",
    "Rights when the period ended",
    "The same at its last moment.",
    ("CC6.1", "CC6.3"),
    ("A.5.15", "A.5.18", "A.8.2"),
    (*_GRANT, "given_by", "given_at", "row"),
)
GRANT_CHANGES = Section(
    "grant-changes.csv",
    "Changes of rights",
    "Each grant that was given, taken back or came to its end, and by whom.",
    ("CC6.2", "CC6.3"),
    ("A.5.18", "A.8.2"),
    ("row", "at", "actor", "change", *_GRANT),
)
DECISIONS = Section(
    "decisions.csv",
    "Decisions",
    "Everything that was asked for, and whether it was allowed, or asked back what it is for: by which rule and which "
    "grant, for what reason. Rights are asked when an order arrives, when it is planned and before each call that "
    "changes something.",
    ("CC6.1", "CC6.3"),
    ("A.5.15", "A.8.3", "A.8.15"),
    (*_ROW, *_ABOUT, "grant", "channel", "disk_id", "disk", "server"),
)
APPROVALS = Section(
    "approvals.csv",
    "Approvals",
    "Who agreed or did not, to requests and to deletions. None of them is the requester.",
    ("CC6.3", "CC8.1"),
    ("A.5.3", "A.8.32"),
    (*_ROW, *_ABOUT, "grant"),
)
BREAK_GLASS = Section(
    "break-glass.csv",
    "Runs without approval, and their review",
    "Each request that ran without the approval it would have needed, why, and who reviewed it when.",
    ("CC6.3", "CC7.3"),
    ("A.5.3", "A.8.2"),
    ("row", "at", "requester", "request", "project", "reason", "grant", "state", "reviewed_by", "reviewed_at"),
)
SNAPSHOTS = Section(
    "snapshots.csv",
    "Snapshots",
    "Each snapshot that was asked for, with its end: available, failed, or not known.",
    ("A1.2",),
    ("A.8.13",),
    (*_ROW, *_ABOUT, "disk_id", "disk", "server", "snapshot", "code"),
)
DELETIONS = Section(
    "deletions.csv",
    "Deletions",
    "Each snapshot that was deleted or was to be, and those that the bot found gone.",
    ("A1.2", "C1.2"),
    ("A.8.10", "A.8.13"),
    (*_ROW, *_ABOUT, "disk_id", "disk", "server", "snapshot"),
)
RESTORATIONS = Section(
    "restorations.csv",
    "Disks that came back",
    "Each disk that was to be written over with a snapshot (overwrite) or made of one (new_disks): who asked, who "
    "confirmed it when (an overwrite by typing what is overwritten), everybody who agreed, the snapshot, the safety "
    "snapshot made before, when its order was sent last (empty: nothing was begun), and when and how it was learnt to "
    "have ended: restored, failed, cancelled, unknown, a rule that refused it, or under-way when the period ended.",
    ("A1.2", "CC6.3", "CC8.1"),
    ("A.5.3", "A.8.13", "A.8.32"),
    (*_ROW, *_CAME_BACK, "safety_snapshot", "safety_made_at", "begun_at", "made", "code"),
)
POINTS = Section(
    "restore-points-at-end.csv",
    "Restore points when the period ended",
    "Each snapshot that was made and that the bot knows of no end of, with the day on which it was last proven that a "
    "disk can be made of it. Empty: never.",
    ("A1.2", "A1.3"),
    ("A.8.13", "A.8.14"),
    ("project", "disk_id", "snapshot", "made_at", "proven_at", "seconds", "row"),
    none="There was none.",
)
RESTORE_PROOFS = Section(
    "restore-proofs.csv",
    "Proofs that snapshots can be restored",
    "Each time a disk was made of a snapshot to prove that it can be, and each time that did not succeed: who asked, "
    "or the schedule, when its order was sent, which test disk it was, and after how long that was available. The row "
    "is written once the test disk is gone.",
    ("A1.2", "A1.3"),
    ("A.8.13", "A.8.14"),
    (*_ROW, *_CAME_BACK, "begun_at", "made", "seconds", "code"),
    none="No restore was proven in the period: the bot has no row of one. Hold this against your own restore tests.",
)
EXCEPTIONS = Section(
    "exceptions.csv",
    "Exceptions",
    "Denials, failures, requests that were not answered in time, runs without approval that are not reviewed, findings "
    "of the weekly match, and whatever is wrong with the trail itself.",
    ("CC7.2", "CC7.3"),
    ("A.8.15", "A.8.16"),
    ("kind", *_ROW, *_ABOUT),
)
ADMINISTRATION = Section(
    "administration.csv",
    "What was done to the bot",
    "Bindings of channels, backups that were put back, requests that were pruned or forgotten, a clock that was set.",
    ("CC7.2", "CC8.1"),
    ("A.8.15", "A.8.17", "A.8.32"),
    (*_ROW, "project", "details"),
)
RAW = Section(
    "audit.jsonl",
    "The rows themselves",
    "Every row of the period as it is sealed, as JSON lines: the tables above are made of these and of what stands of "
    "each request elsewhere.",
    ("CC7.2",),
    ("A.5.28", "A.8.15"),
)
CHAIN = Section(
    "chain.json",
    "The seal",
    "The head of the hash chain, whether the whole trail holds, and where the period begins and ends in it.",
    ("CC7.2",),
    ("A.5.28", "A.8.15"),
)
CHECKSUMS = Section(
    "SHA256SUMS",
    "Checksums",
    "The SHA-256 of each file of this pack: sha256sum -c SHA256SUMS",
    ("CC7.2",),
    ("A.5.28",),
)

TABLES = (
    *(GRANTS_BEFORE, GRANTS_AFTER, GRANT_CHANGES, DECISIONS, APPROVALS, BREAK_GLASS, SNAPSHOTS, DELETIONS),
    *(RESTORATIONS, RESTORE_PROOFS, POINTS, EXCEPTIONS, ADMINISTRATION),
)
SECTIONS = (*TABLES, RAW, CHAIN, CHECKSUMS)

ASKED = {
    "CC6.1": "Access to information is restricted by logical access controls",
    "CC6.2": "Access is given after it was authorized, and taken back when it no longer is",
    "CC6.3": "Rights follow roles, least privilege and segregation of duties",
    "CC7.2": "Systems are monitored for what is out of the ordinary",
    "CC7.3": "Security events are evaluated",
    "CC8.1": "Changes are authorized, documented and approved",
    "A1.2": "Backups are made, and what is needed to recover is there",
    "A1.3": "Recovery is tested",
    "C1.2": "Confidential information is disposed of",
    "A.5.3": "Segregation of duties",
    "A.5.15": "Access control",
    "A.5.18": "Access rights",
    "A.5.28": "Collection of evidence",
    "A.8.2": "Privileged access rights",
    "A.8.3": "Information access restriction",
    "A.8.10": "Information deletion",
    "A.8.13": "Information backup",
    "A.8.14": "Redundancy of information processing facilities",
    "A.8.15": "Logging",
    "A.8.16": "Monitoring activities",
    "A.8.17": "Clock synchronization",
    "A.8.32": "Change management",
}
"""Each criterion and control in a few words."""
