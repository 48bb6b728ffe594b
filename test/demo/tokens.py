"""Takes the vendors' tokens apart, and recomputes their signatures: nothing here is the code that made them."""
import base64
import hashlib
import hmac
import json
import struct
import time
import zlib

DAY = 24 * 3600


def take_string(data, at):
    size, = struct.unpack_from("<H", data, at)
    return data[at + 2:at + 2 + size], at + 2 + size


def check_agora(token, app_id, certificate, channel, user, expire_in):
    """Access token 006."""
    assert token[:3] == "006" and token[3:35] == app_id, token
    content = base64.b64decode(token[35:], validate=True)
    signature, at = take_string(content, 0)
    channel_crc, user_crc = struct.unpack_from("<II", content, at)
    message, at = take_string(content, at + 8)
    assert at == len(content)
    assert channel_crc == zlib.crc32(channel.encode()) and user_crc == zlib.crc32(user.encode())
    signed = app_id.encode() + channel.encode() + user.encode() + message
    assert signature == hmac.new(certificate.encode(), signed, hashlib.sha256).digest(), "signature"
    _, made, count = struct.unpack_from("<IIH", message)
    assert abs(made - DAY - time.time()) < 60 and count == 4
    for i in range(count):
        privilege, expire = struct.unpack_from("<HI", message, 10 + 6 * i)
        assert privilege == i + 1 and abs(expire - expire_in - time.time()) < 60


def check_tencent(signature, app_id, user, key, expire):
    """TLSSig, version 2."""
    packed = signature.replace("*", "+").replace("-", "/").replace("_", "=")
    values = json.loads(zlib.decompress(base64.b64decode(packed, validate=True)))
    assert values["TLS.ver"] == "2.0" and values["TLS.sdkappid"] == app_id, values
    assert values["TLS.identifier"] == user and values["TLS.expire"] == expire, values
    assert abs(values["TLS.time"] - time.time()) < 60
    signed = (f"TLS.identifier:{user}\nTLS.sdkappid:{app_id}\nTLS.time:{values['TLS.time']}\n"
              f"TLS.expire:{expire}\n")
    digest = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
    assert base64.b64decode(values["TLS.sig"]) == digest, "signature"
