"""The evidence pack for an auditor: what the audit trail says of a period, as tables, with a page that says what each
of them answers.
"""
