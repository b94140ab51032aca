"""Generated pictures that look like chest X-rays, with lesions whose place is known."""
