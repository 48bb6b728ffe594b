return require "shared_holder"
