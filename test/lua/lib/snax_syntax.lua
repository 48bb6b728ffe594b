function response.a( end
