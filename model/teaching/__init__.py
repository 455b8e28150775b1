"""Teaching the small network what larger ones know: `python -m model.teaching --help`.

The steps, each a command: free music is fetched and speech is spoken; all sound is laid down in one corpus; examples
are made from it (altered, mixed, each labelled by the teachers just as the student will hear it); the student is
trained on them, and what it says of artists it never heard is compared with what the teachers say.

Reference: L. Beyer et al., "Knowledge distillation: a good teacher is patient and consistent", arXiv 2106.05237.
"""
