"""Security primitives: keys, tokens, addresses, encryption, parser confinement.

`keys` derives what the secret key authenticates, `tokens` signs links, `addresses` return paths and command addresses,
`urls` names the pages. `secret_key` loads and rotates the key, `encryption` protects subscribers' library keys,
`confinement` restricts processes that parse untrusted bytes. The package knows neither the database nor the web.
"""
