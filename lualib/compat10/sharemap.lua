return require "skynet.sharemap"
