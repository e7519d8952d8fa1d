"""`python -m govtune` is the command `govtune`."""

from govtune.cli import main

if __name__ == "__main__":
    main()
