--- The etcd client (see etcd.etcd3).
return require "etcd.etcd3"
