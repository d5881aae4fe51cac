"""`python -m autometa`."""

from autometa.cli.main import main

if __name__ == "__main__":
    main()
