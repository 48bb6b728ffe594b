return { ann = "Ann", bob = "Bob", cid = "Cid" }
