"""What is written for people: words, Markdown, pages and drawings; cards and reports are made of it."""
