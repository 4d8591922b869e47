"""Test the pages as a browser, a mail client and a monitor use them."""
