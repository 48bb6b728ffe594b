return require "engine_user"
