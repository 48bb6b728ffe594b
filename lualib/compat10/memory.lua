return require "skynet.memory"
