"""Local doubles of the two services that the program talks to.

They are written from the services' own facts and import nothing else of this project, so that a wrong belief in our
client cannot hide in them.
"""
