"""The one error that users are meant to read."""


class InputError(ValueError):
    """Input breaks a stated rule.

    The message names the file (and row, channel or key), the rule that is broken, and what to do.
    The command line prints it as one line and ends with status 2.

    Parameters
    ----------
    where : object
        File, or file and row, channel or key.
    rule : str
        What is wrong, with the offending value.
    remedy : str
        What the user can do about it.
    """

    def __init__(self, where: object, rule: str, remedy: str):
        super().__init__(f"{where}: {rule}. {remedy}")
        self.where = str(where)
        self.rule = rule
        self.remedy = remedy
