return require "skynet.db.redis"
