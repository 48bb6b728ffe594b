return require "sproto_user_54"
