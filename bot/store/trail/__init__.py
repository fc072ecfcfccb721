"""The audit trail as others need it: searched, handed over, matched."""
