/* Streams, events and graphs of the emulated driver. A stream that is captured records launches and copies with the
 * values of their arguments; what NVIDIA's driver refuses meanwhile is refused here, and the capture is then void. */
#include "driver.h"
#include <cstring>

using namespace cn_emulator;

API cuStreamCreate(Stream** stream, unsigned) { *stream = new Stream; return unrecorded(); }
API cuStreamDestroy_v2(Stream* stream) { delete stream; return Success; }
API cuStreamSynchronize(Stream* stream)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (!stream->captured)
    {
        catch_up(copies_in);
        return Success;
    }
    stream->is_void = true;
    return CaptureUnsupported;
}
API cuStreamBeginCapture_v2(Stream* stream, int mode)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (stream->captured || capture) return IllegalState;
    if (mode != 1) return InvalidValue;
    stream->captured = new Graph;
    stream->is_void = false;
    capture = stream;
    return Success;
}
API cuStreamEndCapture(Stream* stream, Graph** graph)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    *graph = nullptr;
    if (!stream->captured) return lost ? IllegalAddress : IllegalState;
    Graph* made = stream->captured;
    stream->captured = nullptr;
    capture = nullptr;
    if (lost || stream->is_void)
    {
        delete made;
        return lost ? IllegalAddress : CaptureInvalidated;
    }
    graphs++;
    *graph = made;
    return Success;
}
API cuGraphInstantiateWithFlags(Graph** executable, const Graph* graph, unsigned long long flags)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = unrecorded()) return code;
    if (!graph || flags != 0) return InvalidValue;
    graphs++;
    *executable = new Graph(*graph);
    return Success;
}
API cuGraphLaunch(Graph* executable, Stream* stream)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (stream->captured) return CaptureUnsupported;
    replays++;
    for (Node& node : *executable)
    {
        if (lost) break;
        if (!node.function)
        {
            memcpy(node.to, node.from, node.bytes);
            continue;
        }
        std::vector<void*> arguments;
        for (std::vector<char>& value : node.values) arguments.push_back(value.data());
        replayed_launches++;
        run(node, arguments.data());
    }
    return Success;
}
static int destroy(Graph* graph)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    graphs--;
    delete graph;
    return state();
}
API cuGraphExecDestroy(Graph* executable) { return destroy(executable); }
API cuGraphDestroy(Graph* graph) { return destroy(graph); }
API cuEventCreate(Event** event, unsigned) { *event = new Event; return unrecorded(); }
API cuEventDestroy_v2(Event* event) { delete event; return Success; }
API cuEventRecord(Event* event, Stream* stream)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (stream->captured) return CaptureUnsupported;
    event->copies = copies_in;
    return Success;
}
API cuEventSynchronize(Event* event)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = unrecorded()) return code;
    catch_up(event->copies);
    return Success;
}
