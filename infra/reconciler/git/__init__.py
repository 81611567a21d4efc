"""Read a git repository: commits, trees and files of a commit, without checking anything out."""
