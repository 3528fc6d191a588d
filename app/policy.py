"""Who may call what, and how often: one row for each RPC. A method without a row is refused, and the service does not
start with one missing or left over."""

from collections.abc import Mapping

from app.limits import Limit, Per
from app.rpc.access import Policy, Who

MINUTE, HOUR, DAY = 60, 3600, 86400

# Attempts at a password that failed, whichever RPC took it.
FAILURES_BY_CLIENT_AND_ADDRESS = Limit(
    "failures_by_client_and_address", events=5, seconds=5 * MINUTE, per=Per.CLIENT_AND_ADDRESS
)
FAILURES_BY_ADDRESS = Limit(
    "failures_by_address", events=20, seconds=HOUR, per=Per.ADDRESS, backoff=(1 * MINUTE, 60 * MINUTE)
)
FAILURES_BY_CLIENT = Limit("failures_by_client", events=30, seconds=5 * MINUTE, per=Per.CLIENT)
PASSWORD_FAILURES = (FAILURES_BY_CLIENT_AND_ADDRESS, FAILURES_BY_ADDRESS, FAILURES_BY_CLIENT)

# Above so many over all an alarm is logged, so often at most. Nobody is refused for it.
FAILURES_OVER_ALL = Limit("failures_over_all", events=1000, seconds=5 * MINUTE)
ALARMS = Limit("alarms", events=1, seconds=5 * MINUTE)

# Attempts at a mailed code that failed. Beside it each code bears five tries.
CODE_FAILURES_BY_CLIENT = Limit("code_failures_by_client", events=20, seconds=HOUR, per=Per.CLIENT)
CODE_FAILURES = (CODE_FAILURES_BY_CLIENT,)

SIGN_UPS_BY_CLIENT = Limit("sign_ups_by_client", events=10, seconds=HOUR, per=Per.CLIENT)

# Mails with a reset code. Whoever asks is not told that one was left out.
RESET_MAILS_A_MINUTE = Limit("reset_mails_a_minute", events=1, seconds=MINUTE, per=Per.CLIENT_AND_ADDRESS)
RESET_MAILS_A_DAY = Limit("reset_mails_a_day", events=5, seconds=DAY, per=Per.CLIENT_AND_ADDRESS)
RESET_MAILS_BY_ADDRESS = Limit("reset_mails_by_address", events=20, seconds=DAY, per=Per.ADDRESS)
RESET_MAILS = (RESET_MAILS_A_MINUTE, RESET_MAILS_A_DAY, RESET_MAILS_BY_ADDRESS)

# Mails with a code for an address that an account names, which may be a stranger's. Besides, one a minute by account
# and address.
ADDRESS_MAILS_BY_ACCOUNT = Limit("address_mails_by_account", events=20, seconds=DAY, per=Per.ACCOUNT)
ADDRESS_MAILS_BY_ADDRESS = Limit("address_mails_by_address", events=20, seconds=DAY, per=Per.ADDRESS)
ADDRESS_MAILS = (ADDRESS_MAILS_BY_ACCOUNT, ADDRESS_MAILS_BY_ADDRESS)

# Bad tokens that are logged; all are counted, and a good one is never refused for them.
BAD_TOKEN_LINES = Limit("bad_token_lines", events=60, seconds=MINUTE)

POLICIES: Mapping[str, Policy] = {
    "accounts.v1.PublicAccountsService/SignUp": Policy(Who.ANYONE, limits=(SIGN_UPS_BY_CLIENT,)),
    "accounts.v1.PublicAccountsService/SignIn": Policy(Who.ANYONE, limits=PASSWORD_FAILURES),
    "accounts.v1.PublicAccountsService/VerifyEmail": Policy(Who.ANYONE, limits=CODE_FAILURES),
    "accounts.v1.PublicAccountsService/ResetPassword": Policy(Who.ANYONE, limits=RESET_MAILS),
    "accounts.v1.PublicAccountsService/NewPassword": Policy(Who.ANYONE, limits=CODE_FAILURES),
    "accounts.v1.AccountsService/IsEmailVerified": Policy(Who.CREDENTIAL, scope="account:read", reads=True),
    "accounts.v1.AccountsService/RefreshSession": Policy(Who.COOKIE),
    "accounts.v1.AccountsService/TokenAuthorization": Policy(Who.BEARER),
    # The fields that need account:read are left out for a token without it.
    "accounts.v1.AccountsService/GetAccount": Policy(Who.CREDENTIAL, reads=True),
    # Looks at the cookie itself: without a live session there is nothing to refuse.
    "accounts.v1.AccountsService/SignOut": Policy(Who.ANYONE),
    "accounts.v1.AccountsService/UpdateAccount": Policy(Who.SESSION, limits=ADDRESS_MAILS),
    "accounts.v1.AccountsService/SendVerificationEmail": Policy(Who.SESSION, limits=ADDRESS_MAILS),
    "accounts.v1.AccountsService/ChangePassword": Policy(Who.SESSION, limits=PASSWORD_FAILURES),
    "accounts.v1.AccountsService/ListSessions": Policy(Who.SESSION, reads=True),
    "accounts.v1.AccountsService/RevokeSession": Policy(Who.SESSION),
    "accounts.v1.AccountsService/ListSecurityEvents": Policy(Who.SESSION, reads=True),
    "accounts.v1.AccountsService/DeleteAccount": Policy(Who.SESSION, limits=PASSWORD_FAILURES),
    # What a token may do with which UUID stands in tokens.authority, since it needs the request.
    "tokens.v1.TokensService/CreateToken": Policy(Who.CREDENTIAL),
    "tokens.v1.TokensService/UpdateToken": Policy(Who.CREDENTIAL),
    "tokens.v1.TokensService/ForceTokenExpiration": Policy(Who.CREDENTIAL),
    "tokens.v1.TokensService/RegenerateToken": Policy(Who.CREDENTIAL),
    "tokens.v1.TokensService/GetToken": Policy(Who.CREDENTIAL, reads=True),
    "tokens.v1.TokensService/ListTokens": Policy(Who.CREDENTIAL, scope="tokens:read", reads=True),
    "tokens.v1.TokensService/ListTokensPage": Policy(Who.CREDENTIAL, scope="tokens:read", reads=True),
    "test.v1.TestNoAuthService/Ping": Policy(Who.ANYONE, reads=True),
    "test.v1.TestAuthService/Pong": Policy(Who.CREDENTIAL, reads=True),
    "grpc.health.v1.Health/Check": Policy(Who.ANYONE, reads=True),
    "grpc.health.v1.Health/List": Policy(Who.ANYONE, reads=True),
    "grpc.health.v1.Health/Watch": Policy(Who.ANYONE, reads=True),
}

REFLECTION: Mapping[str, Policy] = {
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": Policy(Who.ANYONE, reads=True),
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Policy(Who.ANYONE, reads=True),
}
"""Served only where the settings say so."""
