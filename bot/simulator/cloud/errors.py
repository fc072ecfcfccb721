"""Refusals, in each of the body shapes that the real services and the things in front of them use.

Source: EVS API reference, error codes; devg-apisign, api-sign-errorcode; IAM API reference, error codes.
"""

import http
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Shape = Literal["evs", "cinder", "gateway", "iam", "iam-extended", "camel"]
SHAPES: frozenset[str] = frozenset(get_args(Shape))

CINDER_KEYS = {
    400: "badRequest",
    403: "forbidden",
    404: "itemNotFound",
    409: "conflictingRequest",
    413: "overLimit",
}


@dataclass(eq=False)
class ApiError(Exception):
    """A refusal, ready to be shown to the caller."""

    status: int
    code: str
    message: str
    shape: Shape = "evs"
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON body of the refusal."""
        match self.shape:
            case "evs":
                return {"error": {"code": self.code, "message": self.message}}
            case "cinder":
                key = CINDER_KEYS.get(self.status, "computeFault")
                return {key: {"message": self.message, "code": self.status}}
            case "gateway":
                return {"error_code": self.code, "error_msg": self.message, "request_id": request_id}
            case "iam":
                title = http.HTTPStatus(self.status).phrase
                return {"error": {"code": self.status, "message": self.message, "title": title}}
            case "iam-extended":
                return {"error_code": self.code, "error_msg": self.message}
            case "camel":
                return {"errorCode": self.code, "errorMsg": self.message}


def evs(status: int, code: str, message: str) -> ApiError:
    """A refusal by EVS's own interface."""
    return ApiError(status, code, message)


def gateway(status: int, code: str, message: str) -> ApiError:
    """A refusal by the API gateway in front of every service."""
    return ApiError(status, code, message, "gateway")


def iam(status: int, message: str) -> ApiError:
    """A refusal by IAM v3; its code is the HTTP status again."""
    return ApiError(status, str(status), message, "iam")


def unauthenticated(detail: str) -> ApiError:
    """401 APIGW.0301 with the gateway's detail."""
    return gateway(401, "APIGW.0301", f"Incorrect IAM authentication information: {detail}")


def no_such_api() -> ApiError:
    """What a path that is not published is answered with."""
    return gateway(404, "APIGW.0101", "The API does not exist or has not been published in the environment.")


def not_found() -> ApiError:
    """A missing disk or snapshot; the typing error is EVS's own."""
    return evs(404, "EVS.5404", "Resource(Volume, Snapshot, Backup .etc) cound not be found.")


def bad_body(detail: str) -> ApiError:
    """A JSON body that is not the documented one. The detail after the full stop is the simulator's help."""
    return evs(400, "EVS.2108", f"Request body is invalid. {detail}")


def job_unknown() -> ApiError:
    """A job that is not there is answered with 400, not 404."""
    return evs(400, "Common.0011", "query job fail.")


_TOKEN_ERRORS: dict[str, tuple[int, str]] = {
    "APIGW.0307": (401, "The token must be updated."),
    "EVS.5401": (401, "Authentication required."),
    "EVS.0002": (400, "invalid token!"),
    "Common.0013": (400, "Invalid token in the header."),
    "Common.0018": (400, "Invalid token in the header"),
}


def token_refused(code: str, detail: str) -> ApiError:
    """A bad token, refused with the code that a switch names; only APIGW.0301 tells the detail."""
    if code == "APIGW.0301":
        return unauthenticated(detail)
    status, message = _TOKEN_ERRORS[code]
    return gateway(status, code, message) if code.startswith("APIGW.") else evs(status, code, message)
