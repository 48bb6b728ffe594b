--- CRC-16/XMODEM of a string, which gives a key its slot in a Redis cluster.
return require "skynet.db.redis.codec".crc16
