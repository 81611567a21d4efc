"""The pages of this project, run: `test_pages.py` checks them, `python -m tests.docs` writes their outputs again."""
