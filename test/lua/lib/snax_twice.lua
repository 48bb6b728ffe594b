function response.a() end
function accept.a() end
function response.a() end
