using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// <c>serve [--threads N] [--device NAME]</c>: times this engine on request, in the words of
/// <c>bench/peers/torch_server.py</c>, so that the table treats ours and the peers alike.
/// </summary>
internal static class ServeCommand
{
    /// <summary>Answers requests until its input ends.</summary>
    public static int Run(string[] arguments)
    {
        int threads = Options.Number(arguments, "--threads", 2);
        using Device device = Devices.Open(Options.Text(arguments, "--device") ?? "cpu", threads);
        using Slots slots = new();
        Say(new JsonObject { ["hello"] = $".NET {Environment.Version}, {device.Description}" });
        while (Console.In.ReadLine() is { } line)
        {
            try
            {
                Say(Answer((JsonObject)JsonNode.Parse(line)!, device, threads, slots));
            }
            catch (Exception e) when (e is EngineException or InvalidOperationException or ArgumentException)
            {
                Say(new JsonObject { ["error"] = $"{e.GetType().Name}: {e.Message}" });
            }
        }

        return 0;
    }

    private static JsonObject Answer(JsonObject request, Device device, int threads, Slots slots)
    {
        if (request["make"] is JsonObject spec)
        {
            TimedCall call = (string)spec["case"]! switch
            {
                "fma" or "copy" => HardwareCall.Make(spec, threads),
                "network" => NetworkCall.Make(spec, device),
                "train" => TrainCall.Make(spec, device),
                _ => OpCall.Make(spec, device),
            };
            slots.Put((int)request["slot"]!, call);
            long before = Resident.Reset();
            JsonObject reply = call.First();
            reply["workingBytes"] = Resident.Peak() - before;
            return reply;
        }

        if (request["time"] is JsonObject limit)
        {
            return new JsonObject { ["seconds"] = Time(slots.At((int)limit["slot"]!), limit, device) };
        }

        if (request["peak"] is not null)
        {
            return new JsonObject { ["bytes"] = device.PeakBytes };
        }

        slots.Clear();
        device.Trim();
        GC.Collect();
        return [];
    }

    /// <summary>The seconds of each call, until the device has finished it.</summary>
    private static JsonArray Time(TimedCall call, JsonObject limit, Device device)
    {
        for (int i = (int)limit["warm"]!; i > 0; i--)
        {
            call.Run();
        }

        device.Backend.Synchronize();
        JsonArray seconds = [];
        long begin = Stopwatch.GetTimestamp();
        while (seconds.Count == 0
            || (seconds.Count < (int)limit["calls"]!
                && Stopwatch.GetElapsedTime(begin).TotalSeconds < (double)limit["seconds"]!))
        {
            long start = Stopwatch.GetTimestamp();
            call.Run();
            device.Backend.Synchronize();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return seconds;
    }

    private static void Say(JsonObject reply)
    {
        Console.Out.WriteLine(reply.ToJsonString());
        Console.Out.Flush();
    }

    /// <summary>The calls that are ready, by number.</summary>
    private sealed class Slots : IDisposable
    {
        private readonly Dictionary<int, TimedCall> _calls = [];

        public void Put(int slot, TimedCall call)
        {
            if (_calls.Remove(slot, out TimedCall? old))
            {
                old.Dispose();
            }

            _calls[slot] = call;
        }

        public TimedCall At(int slot) => _calls.TryGetValue(slot, out TimedCall? call)
            ? call
            : throw new InvalidOperationException(
                string.Create(CultureInfo.InvariantCulture, $"slot {slot} is empty; make a call first"));

        public void Clear()
        {
            foreach (TimedCall call in _calls.Values)
            {
                call.Dispose();
            }

            _calls.Clear();
        }

        public void Dispose() => Clear();
    }
}
