/* Matrix products of halves by wgmma, on compute capability 9.0. Tiles are those of tiles_wgmma.h; sums are float32.
 *
 * Modules: COLUMNS=256, 160, 128 or 64. */
#include "prelude.h"
#include "instructions.h"
#include "instructions_wgmma.h"
#include "tiles_wgmma.h"

/* Lines of both operands, and the step at which the next stage begins. */
struct lines_t
{
    map_t a, b;
    int step, row, column, a_0, a_1, b_0, b_1;
};
DEVICE void fetch(lines_t& lines, shared_t rows, shared_t columns, shared_t full)
{
    fetch_box(rows, lines.a, full, lines.step, lines.row, lines.a_1, lines.a_0);
    fetch_box(columns, lines.b, full, lines.step, lines.column, lines.b_1, lines.b_0);
    lines.step += DEPTH;
}

/* y = act(scale a b^T + bias) + added for each member of a batch: rows x columns results, sums of depth steps. a and b
 * are maps of halves by steps, lines and both axes of the batch, of boxes of DEPTH steps of ROWS and of COLUMNS lines;
 * a_0, a_1, b_0 and b_1 are 1, or 0 where all members along an axis have the same. y is [batch][rows][columns] and so
 * is added, which may be y; bias is [columns]; both may be null. With halves y and added are F16, else F32.
 *
 * One block a tile, as tile_of_block has them. */
KERNEL(matmul_wgmma, 288, 1, 1)(
    MAP(a), MAP(b), IN(float, bias), IN(float, added), OUT(float, y), int rows, int columns, int depth, int batch_1,
    int a_0, int a_1, int b_0, int b_1, float scale, int activation, int halves)
{
    AT(bias);
    DYNAMIC_ARRAY(ring);
    ring += -SHARED_AT(ring) & (ALIGNMENT - 1);
    tile_t tile = tile_of_block(rows, columns);
    int member_0 = tile.result / batch_1, member_1 = tile.result % batch_1;
    lines_t lines = {
        MAP_AT(matmul_wgmma, 0, a), MAP_AT(matmul_wgmma, 1, b), 0, tile.first_row, tile.first_column, member_0 * a_0,
        member_1 * a_1, member_0 * b_0, member_1 * b_1};
    sums_t sums;
    sum_stages(SHARED_AT(ring), lines, (depth + DEPTH - 1) / DEPTH, sums);

    i64 of_member = (i64)tile.result * rows * columns;
    result_t result = {
        bias, 0, added, y, added_at + of_member, y_at + of_member, rows, columns, rows, activation, halves, scale};
    store_tile((float*)ring, sums, result, tile.first_row, tile.first_column);
}
