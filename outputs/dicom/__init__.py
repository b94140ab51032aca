"""Answers as DICOM objects of the film's own study: one file for each kind; `rendering` has what a server sends.

Only modules that `rendering` imports at its first use need highdicom, so that nothing else pays for it.
"""

import logging

# It tells of every film that it copies from, by SOP Instance UID.
logging.getLogger("highdicom").setLevel(logging.CRITICAL + 1)
