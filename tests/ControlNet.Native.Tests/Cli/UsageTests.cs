using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>A command line that cannot be used ends with exit code 2 and one sentence on stderr.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("", "error: no command given; there are *; see controlnet --help")]
    [InlineData("bogus", "error: unknown command 'bogus'; there are *; see controlnet --help")]
    [InlineData("verify", "error: *'verify'; see controlnet verify --help")]
    [InlineData("verify --bogus x", "error: unknown option '--bogus'; see controlnet verify --help")]
    [InlineData("verify x --threads", "error: option '--threads' needs a value; see controlnet verify --help")]
    [InlineData(
        "verify x --threads abc",
        "error: option '--threads' needs a whole number, got 'abc'; see controlnet verify --help")]
    [InlineData(
        "verify x --threads 1 --threads 2",
        "error: option '--threads' is given more than once; see controlnet verify --help")]
    [InlineData("verify /no/such/folder", "error: there is no folder '/no/such/folder' to verify against")]
    [InlineData("verify tests/Golden --device gpu9", "error: there is no device 'gpu9'; there is 'cpu', *'auto'")]
    [InlineData("verify tests/Golden --threads -1", "error: --threads must be 0 to 1024, got -1")]
    [InlineData(
        "verify tests/Golden --filter nothing-like-it",
        "error: nothing was compared: no check covers a file of 'tests/Golden' whose path contains 'nothing-like-it'")]
    public async Task A_command_line_that_cannot_be_used(string arguments, string sentence)
    {
        CliRun run = await CliRun.Of(arguments.Split(' ', System.StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(2, run.ExitCode);
        Assert.Matches(Wildcard.Pattern(sentence), Assert.Single(run.ErrorLines));
    }

    [Theory]
    [InlineData("--help", "verify <DIR>")]
    [InlineData("verify --help", "--filter <TEXT>")]
    [InlineData("devices", "cpu")]
    public async Task What_was_asked_for_goes_to_stdout_without_escape_codes(string arguments, string contained)
    {
        CliRun run = await CliRun.Of(arguments.Split(' '));
        Assert.Equal(0, run.ExitCode);
        Assert.Contains(contained, run.Output);
        Assert.DoesNotContain('\u001b', run.Output);
        Assert.Empty(run.Error);
    }
}
