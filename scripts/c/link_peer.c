// link_peer MESSAGES BYTES: the least that libzmq needs to send messages of this size over tcp loopback, PUSH to PULL, without
// a copy of its own. Prints messages a second. scripts/compare link runs it beside `sluice bench link`.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

static long messages;
static size_t size;
static char endpoint[256];

static void keep(void *data, void *hint) {
  (void)data;
  (void)hint;
}

static void *push(void *argument) {
  void *socket = argument;
  char *bytes = calloc(1, size);
  for (long i = 0; i < messages; i++) {
    zmq_msg_t message;
    zmq_msg_init_data(&message, bytes, size, keep, NULL);
    if (zmq_msg_send(&message, socket, 0) < 0) exit(1);
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  messages = atol(arguments[1]);
  size = (size_t)atol(arguments[2]);
  void *there = zmq_ctx_new(), *here = zmq_ctx_new();
  void *out = zmq_socket(here, ZMQ_PUSH), *in = zmq_socket(there, ZMQ_PULL);
  const int mark = 16;
  zmq_setsockopt(out, ZMQ_SNDHWM, &mark, sizeof mark);
  zmq_setsockopt(in, ZMQ_RCVHWM, &mark, sizeof mark);
  size_t length = sizeof endpoint;
  if (zmq_bind(out, "tcp://127.0.0.1:*") < 0 || zmq_getsockopt(out, ZMQ_LAST_ENDPOINT, endpoint, &length) < 0 ||
      zmq_connect(in, endpoint) < 0)
    return 1;
  pthread_t thread;
  pthread_create(&thread, NULL, push, out);
  struct timespec began, ended;
  clock_gettime(CLOCK_MONOTONIC, &began);
  for (long i = 0; i < messages; i++) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, in, 0) != (int)size) return 1;
    zmq_msg_close(&message);
  }
  clock_gettime(CLOCK_MONOTONIC, &ended);
  printf("%f\n", messages / (ended.tv_sec - began.tv_sec + (ended.tv_nsec - began.tv_nsec) * 1e-9));
  return 0;
}
