return require "skynet.datasheet"
