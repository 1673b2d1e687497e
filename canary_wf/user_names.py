"""What users are called, for messages."""


def user_name(uid: int) -> str:
    """Return the name of the user with this id, or words with the id where it has none, as in containers."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
