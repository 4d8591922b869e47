"""The pages, asked as a browser, a mail reader and a monitor would."""
