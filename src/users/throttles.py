"""Which throttles stand before which door: a view says `guards = LOGIN`. docs/security.md has the reasons."""

from guards.throttles import Guesses, PerAccount, PerNetwork

GUESSES = Guesses(near="guesses_near", far="guesses_far")
LOGINS_PER_NETWORK = PerNetwork("login_per_network")

LOGIN = (LOGINS_PER_NETWORK, GUESSES)
# For whoever is logged in and must give the password once more: a stolen token is no licence to guess it.
PASSWORD_CHECK = (GUESSES,)
REGISTRATION = (PerNetwork("registration_per_network"), PerAccount("registration_per_account"))
# What has an e-mail sent: to the address in the body, or of the one who is logged in.
LETTER = (PerNetwork("mail_per_network"), PerAccount("mail_per_account"))
# What takes a secret out of an e-mail.
CONFIRMATION = (LOGINS_PER_NETWORK,)
