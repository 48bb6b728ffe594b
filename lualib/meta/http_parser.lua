---@meta skynet.http.parser
--- Heads of HTTP/1 messages, native: parsed from and formatted into strings. No sockets, no bodies.
---
--- Header tables are those of `http.httpd`: names in lower case, leading blanks of values dropped, a
--- repeated name is the list of its values in order. Bad are a line without ":", a name that is no token of
--- RFC 9110, and a control character other than the tab. A line that starts with a blank is bad; where it is said,
--- one that starts with a tab continues the value before it (the tab is removed), but no length, coding or host.
local parser = {}

--- The head of a request, from the start of `bytes` to the empty line.
---   method, url, version, header, next   url raw; version a number (1.1); header nil when a header line is bad, or
---                                        the request line has a blank too much, or a version like "1.10";
---                                        next: position of the first byte after the head
---   nil                                  incomplete: call again with more bytes
---   false, "limit"                       no end within the first `limit` bytes
---   false, "line"                        the request line is not `letters SP url SP HTTP/number`
---   false, "control"                     it holds a control character
---@param bytes string
---@param limit? integer  default 8192
---@param header? table  to be filled instead of a new one
---@param folds? boolean  lines may be continued
---@return string|false|nil method
---@return string url  or why it is false
---@return number version
---@return table<string, string|string[]>? header
---@return integer next
function parser.request(bytes, limit, header, folds) end

--- The head of a response; results as of parser.request, the status line is `HTTP/digit.digit SP
--- three digits [SP reason]`. The fields of an interim answer (1xx, but 101) get a table of their own.
---@param bytes string
---@param limit? integer  default 8192
---@param header? table  to be filled instead of a new one
---@return integer|false|nil code
---@return string reason  "" when there is none; or why it is false
---@return number version
---@return table<string, string|string[]>? header
---@return integer next
function parser.response(bytes, limit, header) end

--- Header lines up to an empty line, which may come at once: the trailer of a chunked body.
---   header, next     done
---   nil              incomplete
---   false, "limit"   no end within `limit` bytes from `from`
---   false, "field"   a bad line, or a field that may stand in a head only
---@param bytes string
---@param from integer  position of the first byte
---@param header table  fields are added to it
---@param limit? integer  default 8192
---@return table|false|nil header
---@return integer|string next
function parser.fields(bytes, from, header, limit) end

--- Header lines that stand in a list, without their line ends. They may be continued.
---@param lines string[]
---@param from integer  index of the first
---@param header table  fields are added to it
---@return table? header  nil: a bad line
function parser.lines(lines, from, header) end

--- The line in front of a chunk's data.
---   size, next   size 0: the last chunk, the trailer is at `next`
---   nil          incomplete
---   false        not plain hex digits, above 2^53, or too long (128 digits, 1024 bytes)
---@param bytes string
---@param from integer  position of its first byte
---@param extensions? boolean  blanks and extensions behind the size are skipped; else they are malformed
---@return integer|false|nil size
---@return integer next
function parser.chunk_size(bytes, from, extensions) end

--- A response in one string, so that it leaves in one write.
---   body string   content-length and the body after the head
---   body nil      only the head
---   body true     only the head, with transfer-encoding: chunked
--- A content-length or coding in `header` is not written twice. Raises for a name that is no token, a value that holds
--- a control character, and a content-length that is not the body's (unless that is empty, as after HEAD).
---@param code integer
---@param header? table<string, any>  a list value is one line each
---@param body? string|true
---@return string
function parser.format_response(code, header, body) end

--- A request in one string: `METHOD url HTTP/1.1`, the fields as `name:value`, then `Content-length:<n>`, the
--- empty line and the content (n = 0 without). When the header's transfer-encoding is "chunked" there is no
--- content-length. Raises for a name or method that is no token, a url or value that holds a control character, and a
--- content-length in the header that is not the content's.
---@param method string
---@param url string
---@param header? table<string, any>
---@param content? string
---@param host? string  a line `host:<host>` before the fields
---@return string
function parser.format_request(method, url, header, content, host) end

--- The phrase of a status code; "" when the code has none.
---@param code integer
---@return string
function parser.reason(code) end

return parser
