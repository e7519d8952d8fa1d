"""`python -m govtune`: the command line."""

from govtune.cli import main

main()
