"""Security primitives: tokens, the secret key, encryption, parser confinement.

`links` signs and verifies tokens and bounce addresses, `secret_key` loads and rotates the key, `encryption` protects
subscribers' library keys, `confinement` restricts processes that parse untrusted bytes. The package knows neither the
database nor the web.
"""
