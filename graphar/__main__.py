"""``python -m graphar``."""

from graphar.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
