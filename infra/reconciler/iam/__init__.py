"""Who has which role on a project and on what it is in, and what a role may do: read from Google. Nothing is written.

Importing it is cheap: Google's libraries are imported when they are first used.
"""

from reconciler.iam.binding import Binding, Holder
from reconciler.iam.reader import Iam

__all__ = ["Binding", "Holder", "Iam"]
