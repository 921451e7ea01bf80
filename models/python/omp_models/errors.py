"""The one error class of the package."""


class OmpModelsError(Exception):
    """A failure that the user can act on. The message says what was found, what was expected and what to do.

    `code` is one of DATASET_INVALID, CONFIG_INVALID, CHECKPOINT_INVALID, BUNDLE_INVALID, PARITY_FAILED,
    TRAINING_DIVERGED, PACKAGE_MISSING, SERVER_FAILED, VIDEO_FAILED, EVALUATION_FAILED.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def require_config(holds: bool, message: str) -> None:
    """Raises CONFIG_INVALID with `message` unless a rule of the configuration holds."""
    if not holds:
        raise OmpModelsError("CONFIG_INVALID", message)
