/* A WebSocket echo on libwebsockets, as its documentation would have it: one service thread, a queue a connection, one
 * message written for each time that the connection takes one.
 *
 *   lws_echo PORT
 */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

struct message {
  struct message* next;
  size_t size;
  int whole;
  unsigned char bytes[]; /* LWS_PRE bytes of room, then the message */
};

struct session {
  struct message *first, **end;
  int in_message; /* a piece has left, and was not the last */
};

/* A message may come in pieces, of which all but the last are not `whole`. */
static int queue_piece(struct session* session, const void* bytes, size_t size, int whole) {
  struct message* message = malloc(sizeof(*message) + LWS_PRE + size);
  if (message == NULL) return 0;
  message->next = NULL;
  message->size = size;
  message->whole = whole;
  memcpy(message->bytes + LWS_PRE, bytes, size);
  *session->end = message;
  session->end = &message->next;
  return 1;
}

static void drop_first(struct session* session) {
  struct message* message = session->first;
  session->first = message->next;
  if (session->first == NULL) session->end = &session->first;
  free(message);
}

static int on_event(struct lws* wsi, enum lws_callback_reasons reason, void* user, void* in,
                    size_t size) {
  struct session* session = user;
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      session->first = NULL;
      session->end = &session->first;
      session->in_message = 0;
      break;
    case LWS_CALLBACK_RECEIVE: {
      const int whole = lws_remaining_packet_payload(wsi) == 0 && lws_is_final_fragment(wsi);
      if (!queue_piece(session, in, size, whole)) return -1;
      lws_callback_on_writable(wsi);
      break;
    }
    case LWS_CALLBACK_SERVER_WRITEABLE: {
      struct message* message = session->first;
      if (message == NULL) break;
      const int kind = lws_write_ws_flags(LWS_WRITE_BINARY, !session->in_message, message->whole);
      const int sent = lws_write(wsi, message->bytes + LWS_PRE, message->size, kind);
      session->in_message = !message->whole;
      if (sent < (int)message->size) return -1;
      drop_first(session);
      if (session->first != NULL) lws_callback_on_writable(wsi);
      break;
    }
    case LWS_CALLBACK_CLOSED:
      while (session->first != NULL) drop_first(session);
      break;
    default: break;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  static const struct lws_protocols protocols[] = {
      {.name = "echo",
       .callback = on_event,
       .per_session_data_size = sizeof(struct session),
       .rx_buffer_size = 65536},
      {0},
  };
  struct lws_context_creation_info info;
  memset(&info, 0, sizeof(info));
  info.port = atoi(argv[1]);
  info.iface = "lo";
  info.protocols = protocols;
  info.pt_serv_buf_size = 65536; /* so that the messages of the benchmark are read whole */
  info.gid = (gid_t)-1;
  info.uid = (uid_t)-1;
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context* context = lws_create_context(&info);
  if (context == NULL) return 1;
  while (lws_service(context, 0) >= 0) continue;
  lws_context_destroy(context);
  return 0;
}
