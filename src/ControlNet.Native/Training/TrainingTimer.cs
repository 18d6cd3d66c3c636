using System;
using System.Diagnostics;

namespace ControlNet.Native.Training;

/// <summary>Speed of a run without the time its pictures take, over about the last minute.</summary>
internal sealed class TrainingTimer
{
    private const double WindowSeconds = 60;

    private readonly Stopwatch _watch = new();
    private double _images, _seconds, _steps, _last;

    /// <summary>Images a second; 0 before the first step.</summary>
    public double ImagesPerSecond => _seconds > 0 ? _images / _seconds : 0;

    public void Start() => _watch.Start();

    public void Pause() => _watch.Stop();

    /// <summary>A step of so many images has ended.</summary>
    /// <returns><see cref="ImagesPerSecond"/></returns>
    public double Count(int images)
    {
        double now = _watch.Elapsed.TotalSeconds, took = now - _last;
        _last = now;
        if (_seconds > WindowSeconds)
        {
            double keep = WindowSeconds / _seconds;
            (_images, _seconds, _steps) = (_images * keep, WindowSeconds, _steps * keep);
        }

        _images += images;
        _seconds += took;
        _steps++;
        return ImagesPerSecond;
    }

    /// <summary>How long so many steps are going to take; null before the first.</summary>
    public TimeSpan? Remaining(long steps) =>
        _steps > 0 ? TimeSpan.FromSeconds(Math.Min(steps * _seconds / _steps, 1e9)) : null;
}
