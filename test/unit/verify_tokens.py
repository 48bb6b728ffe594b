#!/usr/bin/env python3
"""Checks vendor tokens with code that shares nothing with ours: Python's own libraries, and the openssl program.

  verify_tokens.py agora TOKEN APP_ID CERTIFICATE CHANNEL USER EXPIRES_AT
  verify_tokens.py tencent SIG APP_ID IDENTIFIER KEY VALID_SECONDS [USERBUF]

Prints what is wrong and ends with status 1, or prints "ok".
"""
import base64, hashlib, hmac, json, shutil, struct, subprocess, sys, zlib


def hmac_sha256(key, data):
    """The HMAC from Python, which must be the one from openssl when that is installed."""
    digest = hmac.new(key, data, hashlib.sha256).digest()
    if shutil.which("openssl") and key:
        out = subprocess.run(["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:" + key.hex(), "-binary"],
                             input=data, capture_output=True, check=True).stdout
        assert out == digest, "openssl and Python disagree"
    return digest


def agora(token, app_id, certificate, channel, user, expires_at):
    assert token[:3] == "006", "version"
    assert token[3:35] == app_id, "app id"
    content = base64.b64decode(token[35:], validate=True)
    size, = struct.unpack_from("<H", content)
    signature, rest = content[2:2 + size], content[2 + size:]
    crc_channel, crc_user, message_size = struct.unpack_from("<IIH", rest)
    message = rest[10:]
    assert len(message) == message_size, "message size"
    assert crc_channel == zlib.crc32(channel.encode()), "crc of the channel"
    assert crc_user == zlib.crc32(user.encode()), "crc of the user"
    signed = (app_id + channel + user).encode() + message
    assert signature == hmac_sha256(certificate.encode(), signed), "signature"
    count, = struct.unpack_from("<H", message, 8)
    privileges = [struct.unpack_from("<HI", message, 10 + 6 * i) for i in range(count)]
    assert privileges == [(p, int(expires_at)) for p in (1, 2, 3, 4)], f"privileges {privileges}"


def tencent(sig, app_id, identifier, key, valid_seconds, userbuf=None):
    raw = base64.b64decode(sig.translate(str.maketrans("*-_", "+/=")), validate=True)
    fields = json.loads(zlib.decompress(raw))
    assert fields["TLS.ver"] == "2.0", "version"
    assert fields["TLS.sdkappid"] == int(app_id), "app id"
    assert fields["TLS.identifier"] == identifier, "identifier"
    assert fields["TLS.expire"] == int(valid_seconds), "expire"
    text = (f"TLS.identifier:{identifier}\nTLS.sdkappid:{app_id}\n"
            f"TLS.time:{fields['TLS.time']}\nTLS.expire:{valid_seconds}\n")
    assert ("TLS.userbuf" in fields) == (userbuf is not None), "userbuf"
    if userbuf is not None:
        assert base64.b64decode(fields["TLS.userbuf"]) == userbuf.encode(), "userbuf"
        text += f"TLS.userbuf:{fields['TLS.userbuf']}\n"
    assert base64.b64decode(fields["TLS.sig"]) == hmac_sha256(key.encode(), text.encode()), "signature"


try:
    {"agora": agora, "tencent": tencent}[sys.argv[1]](*sys.argv[2:])
except (AssertionError, ValueError, KeyError, struct.error, zlib.error) as problem:
    sys.exit(f"{sys.argv[1]}: {problem!r}")
print("ok")
