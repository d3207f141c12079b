#include "produce_cut.h"

#include "mr_error.h"
#include "mr_frames.h"
#include "mr_ndjson.h"

#include <stdio.h>
#include <stdlib.h>

struct produce_cut {
    struct mr_ndjson *ndjson; /* one of the two */
    struct mr_frames *frames;
    size_t item_bytes_max;
    uint64_t offset, line; /* where it began */
    struct mr_ndjson_item item;
    char why[96];
};

struct produce_cut *produce_cut_new(enum produce_format format, size_t item_bytes_max)
{
    struct produce_cut *cut = calloc(1, sizeof *cut);
    if (!cut)
        abort();
    cut->item_bytes_max = item_bytes_max;
    if (format == PRODUCE_COMBINED)
        cut->frames = mr_frames_new(MR_FRAMES_LINE, item_bytes_max);
    else
        cut->ndjson = mr_ndjson_new(item_bytes_max);
    produce_cut_begin(cut, 0, 1);
    return cut;
}

void produce_cut_free(struct produce_cut *cut)
{
    if (!cut)
        return;
    mr_ndjson_free(cut->ndjson);
    mr_frames_free(cut->frames);
    free(cut);
}

void produce_cut_begin(struct produce_cut *cut, uint64_t offset, uint64_t line)
{
    cut->offset = offset;
    cut->line = line;
    if (cut->frames)
        mr_frames_reset(cut->frames, offset);
    else
        mr_ndjson_reset(cut->ndjson);
}

/* ---- lines ---- */

static bool take_frame(struct produce_cut *cut, const struct mr_frame *frame,
                       struct produce_piece *piece)
{
    uint64_t line = cut->line + frame->line - 1;
    *piece = (struct produce_piece){.text = frame->text,
                                    .offset = frame->offset,
                                    .end = frame->end,
                                    .line = line,
                                    .end_line = line + 1};
    if (frame->is_cut) {
        snprintf(cut->why, sizeof cut->why, "the line is longer than %zu bytes",
                 cut->item_bytes_max);
        piece->text = (struct mr_slice){.data = NULL};
        piece->why = cut->why;
    }
    return true;
}

/* ---- NDJSON ---- */

static uint64_t line_ends(struct mr_slice text)
{
    uint64_t count = 0;
    for (const char *p = text.data;
         text.len > 0 && (p = memchr(p, '\n', text.len - (size_t)(p - text.data))); p++)
        count++;
    return count;
}

static bool take_event(struct produce_cut *cut, enum mr_ndjson_event event,
                       struct produce_piece *piece)
{
    const struct mr_ndjson_item *item = &cut->item;
    if (event == MR_NDJSON_MORE)
        return false;
    uint64_t line = cut->line + item->line - 1;
    *piece = (struct produce_piece){.offset = cut->offset + item->offset, .line = line};
    if (event == MR_NDJSON_ITEM) {
        piece->text = item->text;
        piece->end = piece->offset + item->text.len;
        piece->end_line = line + line_ends(item->text);
    } else {
        /* where it ends is not told; its beginning is safe to go on from */
        piece->why = item->why.text;
        piece->end = piece->offset;
        piece->end_line = line;
    }
    return true;
}

bool produce_cut_next(struct produce_cut *cut, struct mr_slice *in, struct produce_piece *piece)
{
    struct mr_frame frame;
    if (cut->ndjson)
        return take_event(cut, mr_ndjson_next(cut->ndjson, in, &cut->item), piece);
    return mr_frames_next(cut->frames, in, &frame) && take_frame(cut, &frame, piece);
}

bool produce_cut_end(struct produce_cut *cut, struct produce_piece *piece)
{
    struct mr_frame frame;
    if (cut->ndjson)
        return take_event(cut, mr_ndjson_end(cut->ndjson, &cut->item), piece);
    return mr_frames_end(cut->frames, &frame) && take_frame(cut, &frame, piece);
}
