"""Errors of the service: a type, a text, and the HTTP status they travel with."""

# The statuses which the newest API model annotates. The live service was seen to answer 400 for every client fault.
MODEL_STATUS = {
    "NotAuthorizedException": 403,
    "UserNotFoundException": 404,
    "ResourceNotFoundException": 404,
    "TooManyRequestsException": 429,
    "UnauthorizedException": 401,
    "AccessDeniedException": 403,
    "FeatureUnavailableInTierException": 403,
    "TierChangeNotAllowedException": 403,
}
ALWAYS_STATUS = {"ForbiddenException": 403, "InternalErrorException": 500, "InternalServerException": 500}


def status_of(error_type, model_status=False):
    """The HTTP status of an error type, by live observation or by the model."""
    if error_type in ALWAYS_STATUS:
        return ALWAYS_STATUS[error_type]
    return MODEL_STATUS.get(error_type, 400) if model_status else 400


class ServiceError(Exception):
    """An error answer. `members` are further members of its body; `capital` spells the text as Message."""

    def __init__(self, error_type, message=None, status=None, capital=False, **members):
        super().__init__(f"{error_type}: {message}")
        self.type = error_type
        self.message = message
        self.status = status
        self.capital = capital
        self.members = members


def invalid_parameter(message):
    return ServiceError("InvalidParameterException", message)


def not_authorized(message):
    return ServiceError("NotAuthorizedException", message)


def user_not_found():
    return ServiceError("UserNotFoundException", "User does not exist.")


def serialization(message):
    """Raised before the Cognito handler, hence the namespace and the capital Message."""
    return ServiceError("com.amazon.coral.service#SerializationException", message, capital=True)


def unknown_operation():
    return ServiceError("UnknownOperationException")
