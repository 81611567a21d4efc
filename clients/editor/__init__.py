"""Run the editors' YAML language server on the files of the repository.

With its `.vscode/settings.json`.
"""
