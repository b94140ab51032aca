"""A process that decodes one JPEG or JPEG-LS frame with GDCM, from stdin to stdout.

    python gdcm_process.py TRANSFER_SYNTAX COLUMNS ROWS BITS COMPONENTS < frame > samples

GDCM ends the whole process (uncaught C++ exceptions) on some damaged frames, and speaks on stderr about
others. A server must survive both, so this file is run, never imported; it needs nothing but GDCM.
"""

import resource
import sys

import gdcm


def decode(frame: bytes, syntax: str, columns: int, rows: int, bits: int, components: int) -> bytes:
    """Samples (rows, columns, components) in row order, one byte each up to 8 `bits`, else two (little-endian)."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())

    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    photometric = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2" if components == 1 else "RGB")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(photometric))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(components, 8 if bits <= 8 else 16, bits, bits - 1, 0))
    samples = image.GetBuffer()
    if samples is None:
        sys.exit("no image in the frame")
    return samples.encode("utf-8", "surrogateescape")  # the binding hands out bytes as text, decoded so


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    numbers = (int(argument) for argument in sys.argv[2:6])
    sys.stdout.buffer.write(decode(sys.stdin.buffer.read(), sys.argv[1], *numbers))
