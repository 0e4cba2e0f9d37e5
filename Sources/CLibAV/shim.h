// libav as Swift sees it. Macros that Swift cannot import (casts, tags, struct literals) and calls that take arrays of
// plane pointers are static inline functions here, so that version differences of libav live in this one file.
#ifndef SLUICE_CLIBAV_SHIM_H
#define SLUICE_CLIBAV_SHIM_H

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/avutil.h>
#include <libavutil/display.h>
#include <libavutil/error.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/mathematics.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

static inline int clibav_eof(void) { return AVERROR_EOF; }
static inline int clibav_again(void) { return AVERROR(EAGAIN); }
static inline int64_t clibav_no_pts(void) { return AV_NOPTS_VALUE; }
static inline unsigned clibav_key_flag(void) { return AV_PKT_FLAG_KEY; }
static inline unsigned clibav_corrupt_flag(void) { return AV_PKT_FLAG_CORRUPT; }
static inline unsigned clibav_discard_flag(void) { return AV_PKT_FLAG_DISCARD; }

/// POSIX errno behind a libav status, or 0 if the status is one of libav's own tags (they depend on bytes, not on the
/// machine).
static inline int clibav_errno(int status) { return status < 0 && status > -4096 ? AVUNERROR(status) : 0; }

/// The status of the last HTTP error on this thread, 0 if none: libav folds most of them into one code, and says which only
/// in its log.
static _Thread_local int clibav_last_http_status = 0;
static inline int clibav_http_status(void) { return clibav_last_http_status; }
static inline void clibav_forget_http_status(void) { clibav_last_http_status = 0; }

/// 1 if a libav status is one of an HTTP server's.
static inline int clibav_is_http_error(int status) {
  return status == AVERROR_HTTP_BAD_REQUEST || status == AVERROR_HTTP_UNAUTHORIZED || status == AVERROR_HTTP_FORBIDDEN ||
         status == AVERROR_HTTP_NOT_FOUND || status == AVERROR_HTTP_OTHER_4XX || status == AVERROR_HTTP_SERVER_ERROR;
}

/// 1 if it is the one that libav does not log.
static inline int clibav_is_unauthorized(int status) { return status == AVERROR_HTTP_UNAUTHORIZED; }

static inline int clibav_starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

/// H.264's decoder fills gaps in the numbering of pictures, and replaces missing references by pictures that depend on
/// which others it has seen; it marks no frame, and says so only in its log.
static inline int clibav_says_guessed_reference(const char *format) {
  return clibav_starts_with(format, "Frame num gap") || clibav_starts_with(format, "Missing reference picture") ||
         clibav_starts_with(format, "co located POCs unavailable");
}

/// 1 if the packet brings new extradata for the decoder.
static inline int clibav_has_new_extradata(const AVPacket *packet) {
  size_t size = 0;
  return av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &size) != NULL;
}

/// Where the bytes 0, 0, 1 are, -1 if nowhere.
static inline ptrdiff_t clibav_start_code(const void *bytes, size_t count) {
  const uint8_t *first = (const uint8_t *)bytes;
  // The byte 1 is rarer in coded video than 0.
  for (const uint8_t *place = first + 2; place < first + count; place++) {
    place = (const uint8_t *)memchr(place, 1, (size_t)(first + count - place));
    if (place == NULL) return -1;
    if (place[-1] == 0 && place[-2] == 0) return place - 2 - first;
  }
  return -1;
}

static inline void clibav_note_log(void *context, int level, const char *format, va_list arguments) {
  if (level <= AV_LOG_WARNING && clibav_starts_with(format, "HTTP error %d")) {
    va_list copy;
    va_copy(copy, arguments);
    clibav_last_http_status = va_arg(copy, int);
    va_end(copy);
  }
  const AVClass *type = context ? *(const AVClass *const *)context : NULL;
  if (type == avcodec_get_class() && clibav_says_guessed_reference(format)) {
    int *guesses = (int *)((AVCodecContext *)context)->opaque;
    if (guesses != NULL) ++*guesses;
  }
  if (av_log_get_level() != AV_LOG_QUIET) av_log_default_callback(context, level, format, arguments);
}

/// Notes HTTP errors, and guessed references in the counter that a decoder's `opaque` points to; prints messages up to
/// `level`.
static inline void clibav_set_log(int level) {
  av_log_set_level(level);
  av_log_set_callback(clibav_note_log);
}

/// What reading an input may cost, and what it has cost.
typedef struct {
  /// Counts the bytes; NULL before the input is open.
  const AVIOContext *io;
  int64_t bytes;
  /// Most seconds behind `bytes_per_second`; 0 for any.
  double seconds;
  double bytes_per_second;
  /// Of calls that have ended, and when the current one began.
  double spent;
  double begun;
  /// 1: too many bytes; 2: too slow.
  int passed;
} clibav_limits;

static inline double clibav_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline void clibav_limits_begin(clibav_limits *limits) {
  if (limits->seconds > 0) limits->begun = clibav_seconds();
}

static inline void clibav_limits_end(clibav_limits *limits) {
  if (limits->seconds > 0) limits->spent += clibav_seconds() - limits->begun;
}

/// For libav: 1 once a limit is passed.
static inline int clibav_limits_are_passed(void *opaque) {
  clibav_limits *limits = (clibav_limits *)opaque;
  const int64_t bytes = limits->io == NULL ? 0 : limits->io->bytes_read;
  if (limits->passed == 0 && bytes > limits->bytes) limits->passed = 1;
  if (limits->passed == 0 && limits->seconds > 0) {
    const double spent = limits->spent + clibav_seconds() - limits->begun;
    if (spent - (double)bytes / limits->bytes_per_second > limits->seconds) limits->passed = 2;
  }
  return limits->passed != 0;
}

static inline AVIOInterruptCB clibav_limits_interrupt(clibav_limits *limits) {
  const AVIOInterruptCB callback = {clibav_limits_are_passed, limits};
  return callback;
}

/// The sticky error of the input's byte stream, 0 if none.
static inline int clibav_io_error(const AVFormatContext *context) { return context->pb ? context->pb->error : 0; }

/// 1 if the frame carries a mark of damage: flagged corrupt, or decoded with errors or concealment.
static inline int clibav_frame_is_damaged(const AVFrame *frame) {
  return (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0;
}

/// 1 if every frame of the codec is decodable by itself.
static inline int clibav_is_intra_only(enum AVCodecID id) {
  const AVCodecDescriptor *descriptor = avcodec_descriptor_get(id);
  return descriptor != NULL && (descriptor->props & AV_CODEC_PROP_INTRA_ONLY) != 0;
}

/// 1 if the codec may output frames in another order than it is given packets.
static inline int clibav_reorders(enum AVCodecID id) {
  const AVCodecDescriptor *descriptor = avcodec_descriptor_get(id);
  return descriptor == NULL || (descriptor->props & AV_CODEC_PROP_REORDER) != 0;
}

/// The stream's 3x3 display matrix (16.16 fixed point), or NULL.
static inline const int32_t *clibav_display_matrix(const AVStream *stream) {
  size_t size = 0;
  const uint8_t *data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  return data != NULL && size >= 9 * sizeof(int32_t) ? (const int32_t *)data : NULL;
}

/// The numbers of a stream's parameters that a decoder is opened with, apart from the codec itself and its extradata.
#define CLIBAV_PARAMETERS(ENTRY)                                                                                   \
  ENTRY(codec_tag) ENTRY(format) ENTRY(bit_rate) ENTRY(bits_per_coded_sample) ENTRY(bits_per_raw_sample)           \
  ENTRY(profile) ENTRY(level) ENTRY(width) ENTRY(height) ENTRY(sample_aspect_ratio.num)                            \
  ENTRY(sample_aspect_ratio.den) ENTRY(field_order) ENTRY(color_range) ENTRY(color_primaries) ENTRY(color_trc)     \
  ENTRY(color_space) ENTRY(chroma_location) ENTRY(video_delay)

static inline int clibav_parameter_count(void) {
#define CLIBAV_COUNT(field) +1
  return 0 CLIBAV_PARAMETERS(CLIBAV_COUNT);
#undef CLIBAV_COUNT
}

/// Writes `clibav_parameter_count` numbers to `values`.
static inline void clibav_get_parameters(const AVCodecParameters *parameters, int64_t *values) {
  int place = 0;
#define CLIBAV_GET(field) values[place++] = (int64_t)parameters->field;
  CLIBAV_PARAMETERS(CLIBAV_GET)
#undef CLIBAV_GET
}

/// Takes `clibav_parameter_count` numbers from `values`.
static inline void clibav_set_parameters(AVCodecParameters *parameters, const int64_t *values) {
  int place = 0;
#define CLIBAV_SET(field) parameters->field = (__typeof__(parameters->field))values[place++];
  CLIBAV_PARAMETERS(CLIBAV_SET)
#undef CLIBAV_SET
}

/// Gives the parameters a copy of `size` bytes as their extradata.
static inline int clibav_set_extradata(AVCodecParameters *parameters, const uint8_t *bytes, int size) {
  uint8_t *copy = (uint8_t *)av_mallocz((size_t)size + AV_INPUT_BUFFER_PADDING_SIZE);
  if (copy == NULL) return AVERROR(ENOMEM);
  memcpy(copy, bytes, (size_t)size);
  av_freep(&parameters->extradata);
  parameters->extradata = copy;
  parameters->extradata_size = size;
  return 0;
}

/// Marks the stream to be shown turned by `degrees` clockwise.
static inline int clibav_set_rotation(AVStream *stream, double degrees) {
  int32_t *matrix = (int32_t *)av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t));
  if (matrix == NULL) return AVERROR(ENOMEM);
  av_display_rotation_set(matrix, degrees);
  return 0;
}

/// A scaler between two formats; `*_matrix` are AVCOL_SPC numbers (unspecified means BT.601), `*_full` 1 for full range.
static inline struct SwsContext *clibav_make_scaler(
    int width, int height, enum AVPixelFormat format, int matrix, int full, int out_width, int out_height,
    enum AVPixelFormat out_format, int out_matrix, int out_full, int flags) {
  struct SwsContext *scaler =
      sws_getContext(width, height, format, out_width, out_height, out_format, flags, NULL, NULL, NULL);
  if (scaler == NULL) return NULL;
  // Fails (-1) for formats that carry no matrix, such as grey; their conversion then needs none.
  (void)sws_setColorspaceDetails(
      scaler, sws_getCoefficients(matrix), full, sws_getCoefficients(out_matrix), out_full, 0, 1 << 16, 1 << 16);
  return scaler;
}

/// 1 if the format is of luma, alone or with chroma: no colours, no palette, no packed bits.
static inline int clibav_has_luma(enum AVPixelFormat format) {
  const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(format);
  return descriptor != NULL &&
         (descriptor->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM)) == 0;
}

/// A scaler to 8-bit 4:2:0 that leaves matrix and range (`full`: 1 for full) as they are; of colours it makes BT.601, limited
/// range.
static inline struct SwsContext *clibav_make_plane_scaler(
    int width, int height, enum AVPixelFormat format, int full, int out_width, int out_height, int flags) {
  struct SwsContext *scaler = sws_alloc_context();
  if (scaler == NULL) return NULL;
  full = full && clibav_has_luma(format);
  // libswscale takes grey for full range while it chooses its functions; with both ends alike it converts no range.
  const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(format);
  const int chosen = full || (clibav_has_luma(format) && descriptor->nb_components < 3);
  av_opt_set_int(scaler, "srcw", width, 0);
  av_opt_set_int(scaler, "srch", height, 0);
  av_opt_set_int(scaler, "src_format", format, 0);
  av_opt_set_int(scaler, "src_range", chosen, 0);
  av_opt_set_int(scaler, "dstw", out_width, 0);
  av_opt_set_int(scaler, "dsth", out_height, 0);
  av_opt_set_int(scaler, "dst_format", AV_PIX_FMT_YUV420P, 0);
  av_opt_set_int(scaler, "dst_range", chosen, 0);
  av_opt_set_int(scaler, "sws_flags", flags, 0);
  if (sws_init_context(scaler, NULL, NULL) < 0) {
    sws_freeContext(scaler);
    return NULL;
  }
  const int *matrix = sws_getCoefficients(AVCOL_SPC_SMPTE170M);
  (void)sws_setColorspaceDetails(scaler, matrix, full, matrix, full, 0, 1 << 16, 1 << 16);
  return scaler;
}

/// Scales `frame` into packed rows at `out`, or into three planes (G, B, R, or Y, U, V) that are `plane` bytes apart. Returns the number
/// of rows written, or a negative status.
static inline int clibav_scale(
    struct SwsContext *scaler, const AVFrame *frame, uint8_t *out, int stride, size_t plane) {
  uint8_t *planes[4] = {out, out + plane, out + 2 * plane, NULL};
  const int strides[4] = {stride, stride, stride, 0};
  return sws_scale(
      scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
}

/// Scales all of `frame` into `out`, whose buffers exist.
static inline int clibav_scale_frame(struct SwsContext *scaler, const AVFrame *frame, AVFrame *out) {
  return sws_scale(
      scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, out->data, out->linesize);
}

/// 1 for the deprecated full-range ("JPEG") twins of the planar formats.
static inline int clibav_is_jpeg_format(enum AVPixelFormat format) {
  return format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P ||
         format == AV_PIX_FMT_YUVJ440P || format == AV_PIX_FMT_YUVJ411P;
}

/// 1 if the frame's samples use all values from 0 on.
static inline int clibav_is_full_range(const AVFrame *frame) {
  return frame->color_range == AVCOL_RANGE_JPEG || clibav_is_jpeg_format((enum AVPixelFormat)frame->format);
}

/// 1 if a VP8 packet is a frame that is decoded but never shown (an alternate reference).
static inline int clibav_is_hidden_vp8(const AVPacket *packet) {
  return packet->size > 0 && (packet->data[0] & 0x10) == 0;
}

/// A file in memory without a name, closed on exec; -1 on failure. (glibc declares `memfd_create` for C++ and GNU C only.)
static inline int clibav_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1U); }

#endif
