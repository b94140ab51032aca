"""Every exception this project raises on purpose. A message says what was found, what is needed, what to do.

CoroNetError
├── RequestError            answered to the caller of one HTTP request with its own status
│   ├── InvalidImage        400  the bytes cannot be decoded
│   ├── InvalidRequest      400  a field has a wrong value (the message names the field and what it takes)
│   ├── NotAcceptable       406  the answer cannot be had in the form that was asked for
│   ├── ImageTooLarge       413  more pixels than the limit
│   ├── UnsupportedImage    415  readable, but of a kind that is not taken
│   ├── InternalError       500  the model's answer cannot be given (not a number)
│   ├── Overloaded          503  no time left for this request beside those that came with it
│   └── OutOfMemory         507  the request needs more memory than there is
├── DataError               a data directory, label file, image or cache
├── RunError                a run folder, recipe or checkpoint
├── ArtefactError           artefacts or an archive
├── OutputError             where results go cannot be written
└── ServerError             TorchServe, Java, tokens, or the connection to them
"""


class CoroNetError(Exception):
    """Base of all errors that a user can cause and mend."""


class RequestError(CoroNetError):
    """An error that belongs to one request; `status` and `type` go into the HTTP answer."""

    status: int = 400

    @property
    def type(self) -> str:
        """The error's name in the JSON answer."""
        return type(self).__name__


class InvalidImage(RequestError):
    """The bytes are not an image, or a broken one."""


class InvalidRequest(RequestError):
    """A request field is unknown or holds a value outside what it takes."""


class NotAcceptable(RequestError):
    """The answer cannot be had in the form that was asked for: DICOM of a film that is none, or names no study."""

    status = 406


class ImageTooLarge(RequestError):
    """The image has more pixels than the service decodes."""

    status = 413


class UnsupportedImage(RequestError):
    """A readable file of a kind that is not taken: animation, PDF, multi-frame DICOM, another modality."""

    status = 415


class InternalError(RequestError):
    """The request was fine, but no answer can be given for it."""

    status = 500


class Overloaded(RequestError):
    """The request was fine, but the server has no time for it now; the same request may succeed later."""

    status = 503


class OutOfMemory(RequestError):
    """The request needs more memory than the device has."""

    status = 507


class DataError(CoroNetError):
    """A data directory, label file, image, phantom set or cache cannot be used."""


class RunError(CoroNetError):
    """A run folder, recipe, checkpoint or weights file cannot be used, or written for want of room."""


class ArtefactError(CoroNetError):
    """Artefacts or a model archive cannot be used."""


class OutputError(CoroNetError):
    """The place that results were to go to cannot be written; told before the work, not after it."""


class ServerError(CoroNetError):
    """TorchServe cannot be started or reached, or refused the request."""
